require 'nn'
local net = nn.Sequential()
net:add(nn.Linear(3, 2))
net.forward = function(self, x) return nn.Sequential.forward(self, x * 2) end
return net
