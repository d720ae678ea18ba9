require 'rnn'
return nn.SeqLSTMP(3, 5, 4)
