require 'nn'
local net = nn.Parallel(2, 2)
local tower = nn.Linear(3, 2)
net:add(tower)
net:add(tower:clone('weight', 'bias'))
return net
