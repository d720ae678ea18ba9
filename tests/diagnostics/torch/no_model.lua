local net = 5
return net
