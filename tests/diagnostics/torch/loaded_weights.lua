require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local net = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Linear(3, 2))
local stored = torch.load('weights.t7') -- warning[W0620]: `weights.t7` is not read
net:get(1).weight:copy(stored.layers[1].weight)
net:getParameters():copy(stored:get('flat'))
return net
