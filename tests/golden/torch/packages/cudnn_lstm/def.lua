require 'cudnn'
return cudnn.LSTM(3, 4, 2)
