-- A twin that is converted by itself after it was told to share.
-- line 1: warning[W0605]: the shape of `input` is not known
-- line 1: warning[W0605]: the shape of `target` is not known

local tower = nn.Sequential():add(nn.Linear(784, 3)):add(nn.ReLU())
local twin = tower:clone('weight', 'bias', 'gradWeight', 'gradBias') -- warning[W0634]: `weight` is no longer shared (and 1 more)
twin:double()

return function(params)
   local towers = nn.ParallelTable():add(tower):add(twin)
   local net = nn.Sequential():add(nn.View(-1, 2, 784)):add(nn.SplitTable(2)):add(towers):add(nn.CAddTable())
   return {model = net:add(nn.LogSoftMax()), loss = nn.ClassNLLCriterion()}
end
