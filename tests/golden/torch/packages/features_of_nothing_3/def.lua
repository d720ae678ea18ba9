return nn.FeatureLPPooling(2, 1, 3, false)
