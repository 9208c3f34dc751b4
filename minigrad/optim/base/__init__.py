"""What every optimizer stands on: groups, options and conventions, state, flat buffers, row-sparse steps."""
