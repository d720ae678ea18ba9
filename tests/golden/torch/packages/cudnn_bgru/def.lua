require 'cudnn'
return cudnn.BGRU(3, 2, 2, true)
