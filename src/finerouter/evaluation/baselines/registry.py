"""All baselines that are fitted, in the order of tables."""

from __future__ import annotations

from finerouter.evaluation.baselines.avengers import Avengers
from finerouter.evaluation.baselines.avengers_pro import AvengersPro
from finerouter.evaluation.baselines.carrot import Carrot
from finerouter.evaluation.baselines.embed_llm import EmbedLLM
from finerouter.evaluation.baselines.graph_router import GraphRouter
from finerouter.evaluation.baselines.ipr import IPR
from finerouter.evaluation.baselines.kmeans import KMeans, KMeansBlend
from finerouter.evaluation.baselines.knn import KNN
from finerouter.evaluation.baselines.mlp import MLP
from finerouter.evaluation.baselines.protocol import Baseline
from finerouter.evaluation.baselines.ridge import Ridge
from finerouter.evaluation.baselines.route_llm import RouteLLM
from finerouter.evaluation.baselines.router_dc import RouterDC
from finerouter.evaluation.baselines.single import ZeroRouter
from finerouter.evaluation.baselines.svm import SVM

BASELINES: tuple[type[Baseline], ...] = (
    ZeroRouter,
    KNN,
    Ridge,
    SVM,
    MLP,
    KMeans,
    KMeansBlend,
    Avengers,
    AvengersPro,
    Carrot,
    EmbedLLM,
    RouteLLM,
    RouterDC,
    GraphRouter,
    IPR,
)
