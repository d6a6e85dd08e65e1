"""One file a stage: run(inputs, settings, outputs, emit). Stages introduce the rooms to one another."""
