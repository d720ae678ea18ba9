require 'rnn'
return nn.Sequencer(nn.LSTM(3, 4))
