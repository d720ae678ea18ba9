return nn.SpatialContrastiveNormalization(1, torch.ones(3, 3))
