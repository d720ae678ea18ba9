require 'rnn'
return nn.BiSequencer(nn.GRU(3, 2))
