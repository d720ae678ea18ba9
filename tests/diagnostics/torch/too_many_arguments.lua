require 'nn'
local net = nn.Sequential()
net:add(nn.Linear(3, 2))
net:add(nn.LogSoftMax(2))
return net
