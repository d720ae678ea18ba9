require 'nn' -- error[E0705]: the definition returns the class nn.Sequential, not a module of it
return nn.Sequential
