return function(params)
   local croplen = 'big'
   return {
      model = nn.Sequential():add(nn.Linear(4, 2)),
      loss = nn.MSECriterion(),
      -- croplen = 3
      croplen = croplen, -- error[E0705]: `croplen` is `big`, not a whole number above 0
   }
end
