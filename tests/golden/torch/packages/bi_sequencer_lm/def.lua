require 'rnn'
return nn.Sequential():add(nn.SplitTable(1)):add(nn.BiSequencerLM(nn.GRU(3, 2)))
   :add(nn.MapTable(nn.Unsqueeze(1))):add(nn.JoinTable(1))
