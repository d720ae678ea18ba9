require 'cudnn'
return cudnn.BLSTM(3, 2, 2)
