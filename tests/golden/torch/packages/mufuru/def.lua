require 'rnn'
return nn.Sequencer(nn.MuFuRu(3, 4, {'keep', 'replace', 'mul', 'diff', 'max'}))
