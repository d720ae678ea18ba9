require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local net = nn.Parallel(2, 2)
local tower = nn.Linear(3, 2) -- warning[W0607]: `weight` is shared but its gradient is not, so Torch's getParameters() refuses the net (and so with one tensor more)
net:add(tower)
net:add(tower:clone('weight', 'bias'))
return net
