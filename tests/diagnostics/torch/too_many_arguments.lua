require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local net = nn.Sequential()
net:add(nn.Linear(3, 2))
net:add(nn.LogSoftMax(2)) -- warning[W0642]: nn.LogSoftMax takes no arguments: `2` has no effect
return net
