-- An encoder and a decoder with skips between them as a graph written backwards, with the nodes of the encoder in a table.
require 'nn'
require 'nngraph'

local function weights_init(m)
   local name = torch.type(m)
   if name:find('Convolution') then
      m.weight:normal(0.0, 0.02)
      if m.bias then m.bias:fill(0) end
   elseif name:find('BatchNormalization') then
      if m.weight then m.weight:normal(1.0, 0.02) end
      if m.bias then m.bias:fill(0) end
   end
end

local function defineG(input_nc, output_nc, ngf)
   local e, widths = {}, {ngf, ngf * 2, ngf * 4, ngf * 8}
   e[1] = - nn.SpatialConvolution(input_nc, ngf, 4, 4, 2, 2, 1, 1)
   for i = 2, #widths do
      e[i] = e[i - 1] - nn.LeakyReLU(0.2, true)
         - nn.SpatialConvolution(widths[i - 1], widths[i], 4, 4, 2, 2, 1, 1)
         - nn.SpatialBatchNormalization(widths[i])
   end
   local d = e[#widths]
   for i = #widths - 1, 1, -1 do
      local from = i == #widths - 1 and widths[i + 1] or widths[i + 1] * 2
      local up = d - nn.ReLU(true) - nn.SpatialFullConvolution(from, widths[i], 4, 4, 2, 2, 1, 1)
         - nn.SpatialBatchNormalization(widths[i]) - nn.Dropout(0.5)
      d = {up, e[i]} - nn.JoinTable(2)
   end
   local o = d - nn.ReLU(true) - nn.SpatialFullConvolution(ngf * 2, output_nc, 4, 4, 2, 2, 1, 1) - nn.Tanh()
   return nn.gModule({e[1]}, {o})
end

local netG = defineG(3, 3, 8)
netG:apply(weights_init)
return {model = netG, loss = nn.AbsCriterion()}
