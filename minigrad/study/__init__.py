"""Tools to see backpropagation at work: `gradient_flow` shows gradients in recurrent layers by time step and gate."""

from .flow import GradientFlow, LayerFlow, gradient_flow

__all__ = ["GradientFlow", "LayerFlow", "gradient_flow"]
