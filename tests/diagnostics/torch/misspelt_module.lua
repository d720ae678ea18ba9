require 'nn'
local net = nn.Sequential()
net:add(nn.SpatialConvolutoin(3, 8, 5, 5))
return net
