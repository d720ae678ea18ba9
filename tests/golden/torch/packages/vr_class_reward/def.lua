require 'dpnn'
local model = nn.Sequential():add(nn.ReinforceCategorical()):add(nn.ConcatTable():add(nn.Linear(3, 4))
   :add(nn.Sequential():add(nn.Constant(0, 1)):add(nn.Add(1))))
return {model = model, loss = nn.ModuleCriterion(nn.VRClassReward(model, 0.5), nil, nn.Convert())}
