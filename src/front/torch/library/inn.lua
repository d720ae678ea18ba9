-- inn: the modules of imagine-nn that are not those of nn under another name.
local inn, nn, native = ...

local class = native.definer('inn', inn)

-- x / (1 + alpha * mean of x^2 over a square)^beta in each plane; the mean counts the zeros around the image.
local Same = class('SpatialSameResponseNormalization', nn.Sequential)
function Same:__init(size, alpha, beta)
   nn.Sequential.__init(self)
   self.size, self.alpha, self.beta = size or 3, alpha or 5e-5, beta or 0.75
   local pad = math.floor(self.size / 2)
   local energy = nn.Sequential():add(nn.Square())
   energy:add(nn.SpatialAveragePooling(self.size, self.size, 1, 1, pad, pad))
   energy:add(nn.MulConstant(self.alpha)):add(nn.AddConstant(1)):add(nn.Power(self.beta))
   self:add(nn.ConcatTable():add(nn.Identity()):add(energy)):add(nn.CDivTable())
end

-- The input less a mean image, the same for every item of a batch.
local MeanSubtraction = class('MeanSubtraction', nn.Module)
function MeanSubtraction:__init(mean)
   nn.Module.__init(self)
   if not mean then error('inn.MeanSubtraction needs its mean', 3) end
   self.mean = mean
end
function MeanSubtraction:updateOutput(input)
   local mean = self.mean
   if mean:dim() < input:dim() then mean = mean:view(1, unpack(mean:size():totable())) end
   self.output = torch.add(input, -1, mean:expandAs(input))
   return self.output
end

-- a x + b with an a and a b for each plane, which do not learn.
for name, dimensions in pairs({ConstAffine = 1, SpatialConstAffine = 4}) do
   local Affine = class(name, nn.Module)
   function Affine:__init(planes)
      nn.Module.__init(self)
      if dimensions == 4 then
         self.a, self.b = torch.Tensor(1, planes, 1, 1), torch.Tensor(1, planes, 1, 1)
      else
         self.a, self.b = torch.Tensor(planes), torch.Tensor(planes)
      end
      self:reset()
   end
   function Affine:reset()
      self.a:fill(1)
      self.b:zero()
   end
   function Affine:updateOutput(input)
      local shape = {1, self.a:nElement()}
      for d = 3, input:dim() do shape[d] = 1 end
      local a, b = self.a:view(unpack(shape)), self.b:view(unpack(shape))
      self.output = torch.cmul(input, a:expandAs(input)):add(b:expandAs(input))
      return self.output
   end
end
