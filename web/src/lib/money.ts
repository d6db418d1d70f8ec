// `micros` are millionths of the currency's unit for an hour, as the API tells them.
export function perHour(micros: string | undefined, currency: string | undefined): string {
  if (!micros || micros === "0" || !currency) return "";
  return new Intl.NumberFormat(undefined, {
    style: "currency",
    currency,
    minimumFractionDigits: 2,
    maximumFractionDigits: 4,
  }).format(Number(micros) / 1e6);
}

const HOURS_A_MONTH = 730;
export function perMonth(micros: string | undefined, currency: string | undefined): string {
  if (!micros || micros === "0" || !currency) return "";
  return new Intl.NumberFormat(undefined, { style: "currency", currency, maximumFractionDigits: 0 }).format(
    (Number(micros) / 1e6) * HOURS_A_MONTH,
  );
}
