require 'rnn'
return nn.SeqLSTM(3, 4)
