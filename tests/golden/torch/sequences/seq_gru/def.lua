require 'rnn'
return nn.SeqGRU(3, 4)
