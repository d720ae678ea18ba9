return function(params)
   local net = nn.Sequential():add(nn.Linear(4, 2)) -- line 1: warning[W0605]: the shape of `input` is not known
   return {model = net, loss = nn.MSECriterion(), -- line 1: warning[W0605]: the shape of `target` is not known
      labelhook = function(input, label) return label end, -- warning[W0625]: DIGITS knows no field `labelhook`
      notes = "what else is there is nobody's business"}
end
