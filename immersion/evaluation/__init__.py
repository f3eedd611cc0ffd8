"""Under which protocol a run or a network is measured: the data, the draws, the words for them."""
