-- nngraph: modules called with nodes make nodes, and nn.gModule makes one module of the nodes between inputs and outputs.
local torch, nn, native = ...

nngraph = nngraph or {}
local Node = torch.class('nngraph.Node')
local Module = nn.Module

local function is_node(value) return torch.typename(value) == 'nngraph.Node' end

-- `children` are the nodes that this one reads, in order.
function Node:__init(data)
   self.data = data or {}
   self.data.annotations = self.data.annotations or {}
   self.children = {}
end

function Node:annotate(annotations)
   for key, value in pairs(annotations) do self.data.annotations[key] = value end
   return self
end

function Node:add(child)
   self.children[#self.children + 1] = child
end

-- As many nodes as the module's output has parts, one for each.
function Node:split(count)
   if not count or count < 2 then error('splitting to one output is not supported', 2) end
   local parts = {}
   self.data.parts = count
   for i = 1, count do
      parts[i] = Node({selectindex = i})
      parts[i]:add(self)
   end
   return unpack(parts)
end

function Node:label() return self.data.annotations.name or tostring(self.data.module) end

local function call(self, ...)
   local count = select('#', ...)
   local inputs = ...
   if count > 0 and inputs == nil then error('what is this in the input? nil', 3) end
   if native.is_tensor(inputs) then return self:forward(...) end
   if count > 1 then error('Use {input1, input2} to pass multiple inputs.', 3) end
   if is_node(inputs) then inputs = {inputs} end
   local node = Node({module = self})
   if inputs ~= nil and type(inputs) ~= 'table' then
      error('expected a node, what is this in the input? ' .. tostring(inputs), 3)
   end
   for _, input in ipairs(inputs or {}) do
      if native.is_tensor(input) then return self:forward(...) end
      if not is_node(input) then
         error('expected a node, what is this in the input? ' .. tostring(input), 3)
      end
      for _, known in ipairs(node.children) do
         if known == input then error("Don't pass the same input twice.", 3) end
      end
      node:add(input)
   end
   return node
end

function Module:__call__(...) return call(self, ...) end
function Module:__unm__() return call(self) end
function Module.__sub__(previous, self) return call(self, previous) end
Node.__sub__ = Module.__sub__

-- A criterion becomes a module of a table of input and target.
function nn.Criterion:__call__(...) return call(nn.CriterionTable(self), ...) end

local gModule = torch.class('nn.gModule', 'nn.Container')

function gModule:__init(inputs, outputs)
   nn.Container.__init(self)
   for what, nodes in pairs({inputs = inputs or false, outputs = outputs or false}) do
      if type(nodes) ~= 'table' or is_node(nodes) or #nodes == 0 then
         error('nn.gModule expects a table of nodes as its ' .. what, 3)
      end
      for _, node in ipairs(nodes) do
         if not is_node(node) then error('nn.gModule expects nodes as its ' .. what, 3) end
      end
   end
   self.inputs, self.outputs, self.forwardnodes = inputs, outputs, {}
   local entries = {}
   for _, node in ipairs(inputs) do entries[node] = true end
   -- What a node reads comes before it; the stack holds nodes with the number of the child to visit next.
   local done, stack = {}, {}
   local function push(node)
      if done[node] == nil then
         done[node] = false
         stack[#stack + 1] = {node, 1}
      elseif done[node] == false then
         error('the graph has cycles', 4)
      end
   end
   for _, output in ipairs(outputs) do
      push(output)
      while #stack > 0 do
         local top = stack[#stack]
         local node, child = top[1], top[1].children[top[2]]
         if child then
            top[2] = top[2] + 1
            if not done[child] then push(child) end
         else
            stack[#stack] = nil
            done[node] = true
            if #node.children == 0 and not entries[node] then
               error('a node without inputs is not among the inputs of nn.gModule: ' .. tostring(node:label()), 3)
            end
            self.forwardnodes[#self.forwardnodes + 1] = node
            if node.data.module then self.modules[#self.modules + 1] = node.data.module end
         end
      end
   end
   for i, node in ipairs(inputs) do
      if not done[node] then error('input ' .. i .. ' of nn.gModule leads to no output', 3) end
   end
end

-- Drawing graphs is left to the caller of the definition.
nngraph.setDebug = function() end
nngraph.annotateNodes = function() end
graph = graph or {dot = function() end}
