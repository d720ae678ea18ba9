require 'cudnn'
return cudnn.RNNTanh(3, 4, 2)
