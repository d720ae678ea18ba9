-- Two columns of convolutions, the second a copy of the first with weights of its own.
return function(params)
   local column = nn.Sequential()
   local specs = {{3, 48, 11, 4, 2}, 'pool', {48, 128, 5, 1, 2}, 'pool', {128, 192, 3, 1, 1}, {192, 192, 3, 1, 1},
      {192, 128, 3, 1, 1}, 'pool'}
   for _, spec in ipairs(specs) do
      if type(spec) == 'string' then
         column:add(nn.SpatialMaxPooling(3, 3, 2, 2))
      else
         local from, to, size, stride, pad = unpack(spec)
         column:add(nn.SpatialConvolution(from, to, size, size, stride, stride, pad, pad)):add(nn.ReLU(true))
      end
   end
   local copy = column:clone()
   for k, v in ipairs(copy:findModules('nn.SpatialConvolution')) do v:reset() end
   local features = nn.Concat(2):add(column):add(copy)
   local classifier = nn.Sequential()
      :add(nn.View(256 * 6 * 6):setNumInputDims(3))
      :add(nn.Dropout(0.5)):add(nn.Linear(256 * 6 * 6, 4096)):add(nn.Threshold(0, 1e-6))
      :add(nn.Dropout(0.5)):add(nn.Linear(4096, 4096)):add(nn.Threshold(0, 1e-6))
      :add(nn.Linear(4096, params.nclasses or 1000)):add(nn.LogSoftMax())
   return {model = nn.Sequential():add(features):add(classifier), loss = nn.ClassNLLCriterion(), croplen = 224}
end
