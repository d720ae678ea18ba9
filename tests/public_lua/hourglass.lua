-- A graph that is built by recursion from nodes, with several outputs in a table and a file of blocks.
paths.dofile('layers/residual.lua')

local function hourglass(n, f, inp)
   local up = inp
   for i = 1, opt.nModules do up = Residual(f, f)(up) end
   local low = nnlib.SpatialMaxPooling(2, 2, 2, 2)(inp)
   for i = 1, opt.nModules do low = Residual(f, f)(low) end
   if n > 1 then
      low = hourglass(n - 1, f, low)
   else
      for i = 1, opt.nModules do low = Residual(f, f)(low) end
   end
   return nn.CAddTable()({up, nn.SpatialUpSamplingNearest(2)(low)})
end

function createModel()
   local inp = nn.Identity()()
   local first = nnlib.ReLU(true)(nn.SpatialBatchNormalization(16)(nnlib.SpatialConvolution(3, 16, 7, 7, 2, 2, 3, 3)(inp)))
   local inter = Residual(16, opt.nFeats)(first)
   local out = {}
   for i = 1, opt.nStack do
      local ll = hourglass(2, opt.nFeats, inter)
      local heat = nnlib.SpatialConvolution(opt.nFeats, nParts, 1, 1, 1, 1, 0, 0)(ll)
      table.insert(out, heat)
      if i < opt.nStack then
         local back = nnlib.SpatialConvolution(nParts, opt.nFeats, 1, 1, 1, 1, 0, 0)(heat)
         inter = nn.CAddTable()({inter, back})
      end
   end
   return nn.gModule({inp}, out)
end
