return function(params) -- warning[W0605]: the shape of `0` is not known
   local tower = nn.Sequential():add(nn.Linear(4, 2))
   local pair = nn.ParallelTable()
   pair:add(tower)
   pair:add(tower) -- warning[W0644]: one module is twice in nn.ParallelTable
   return { model = nn.Sequential():add(pair):add(nn.PairwiseDistance(2)), loss = nn.HingeEmbeddingCriterion(1) }
end
-- line 1: warning[W0605]: the shape of `1` is not known
-- line 1: warning[W0605]: the shape of `target` is not known
