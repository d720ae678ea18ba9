require 'rnn'
return nn.Sequencer(nn.NormStabilizer(0.5))
