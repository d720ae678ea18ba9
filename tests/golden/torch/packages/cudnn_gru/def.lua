require 'cudnn'
return cudnn.GRU(3, 4, 2, true)
