"""Pure text: from scored tags to the caption that the model is trained on."""
