export {
  type ExpectedEdge,
  expectedServiceEdges,
  expectedWorkloadEdges,
} from "./expected-traffic.ts";
export {
  readShopFile,
  type ShopFile,
  type ShopVersion,
  type ShopWorkload,
  shopWorkloads,
} from "./shop-file.ts";
