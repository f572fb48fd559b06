"""What a pooled comparison rests on: one question a file."""

from jakinib.synthesis.diagnostics.double_zero import double_zero as double_zero
from jakinib.synthesis.diagnostics.fragility import Fragility as Fragility
from jakinib.synthesis.diagnostics.fragility import fragility as fragility
from jakinib.synthesis.diagnostics.influence import influence as influence
from jakinib.synthesis.diagnostics.meta_regression import MetaRegression as MetaRegression
from jakinib.synthesis.diagnostics.meta_regression import meta_regression as meta_regression
from jakinib.synthesis.diagnostics.refits import Refits as Refits
from jakinib.synthesis.diagnostics.refits import cumulative as cumulative
from jakinib.synthesis.diagnostics.refits import leave_one_out as leave_one_out
from jakinib.synthesis.diagnostics.refits import subgroups as subgroups
from jakinib.synthesis.diagnostics.small_study import SmallStudy as SmallStudy
from jakinib.synthesis.diagnostics.small_study import harbord as harbord
from jakinib.synthesis.diagnostics.small_study import peters as peters
