-- A twin that is told to share what no module has.
-- line 1: warning[W0605]: the shape of `input` is not known
-- line 1: warning[W0605]: the shape of `target` is not known

local tower = nn.Sequential():add(nn.Linear(784, 3)):add(nn.ReLU())
local twin = tower:clone('weights', 'biases') -- warning[W0633]: `weights` is shared by nothing
-- line 6: warning[W0633]: `biases` is shared by nothing

return function(params)
   local towers = nn.ParallelTable():add(tower):add(twin)
   local net = nn.Sequential():add(nn.View(-1, 2, 784)):add(nn.SplitTable(2)):add(towers):add(nn.CAddTable())
   return {model = net:add(nn.LogSoftMax()), loss = nn.ClassNLLCriterion()}
end
