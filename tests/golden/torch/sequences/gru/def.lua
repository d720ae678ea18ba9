require 'rnn'
return nn.Sequencer(nn.GRU(3, 4))
