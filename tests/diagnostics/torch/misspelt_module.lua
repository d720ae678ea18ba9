require 'nn'
local net = nn.Sequential()
net:add(nn.SpatialConvolutoin(3, 8, 5, 5)) -- error[E0702]: attempt to call field 'SpatialConvolutoin' (a nil value)
return net
