require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local branches = nn.ConcatTable()
branches:add(nn.ReLU(true)) -- warning[W0608]: this module works in place and changes what another module reads
branches:add(nn.Linear(3, 2))
return nn.Sequential():add(nn.Linear(3, 3)):add(branches)
