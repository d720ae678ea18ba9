local shared = {}

function shared.disable_bias(model)
   for _, v in ipairs(model:findModules'nn.SpatialConvolution') do
      v.bias = nil
      v.gradBias = nil
   end
end

function shared.fill(model)
   for _, v in pairs(model:findModules('nn.SpatialConvolution')) do
      local n = v.kW * v.kH * v.nOutputPlane
      v.weight:normal(0, math.sqrt(2 / n))
      if v.bias then v.bias:zero() end
   end
   for _, v in pairs(model:findModules'nn.Linear') do v.bias:zero() end
end

function shared.test(model)
   model:float()
   local side = opt and opt.imageSize or 32
   local input = torch.randn(1, 3, side, side):type(model._type)
   print('forward output', {model:forward(input)})
   print('backward output', {model:backward(input, model.output)})
   model:reset()
end

return shared
