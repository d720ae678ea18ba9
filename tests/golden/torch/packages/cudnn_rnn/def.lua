require 'cudnn'
return cudnn.RNN(3, 4, 1)
