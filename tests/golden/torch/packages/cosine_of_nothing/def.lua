return nn.Cosine(3, 2)
