return function(params) -- warning[W0625]: DIGITS knows no field `labelhook`
   return {model = nn.Sequential():add(nn.Linear(4, 2)), loss = nn.CrossEntropyCriterion(),
      labelhook = function(input, label) return label end, notes = 'anything else is nobody\'s business'}
end
