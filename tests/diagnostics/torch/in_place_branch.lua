require 'nn'
local branches = nn.ConcatTable()
branches:add(nn.ReLU(true))
branches:add(nn.Linear(3, 2))
return nn.Sequential():add(nn.Linear(3, 3)):add(branches)
