require 'rnn'
return nn.Sequencer(nn.FastLSTM(3, 4))
