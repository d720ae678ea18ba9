local net = 5 -- error[E0705]: the definition returns no model
return net
